//! room node
