//! room privacy
