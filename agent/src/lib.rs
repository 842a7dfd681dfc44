//! room agent
