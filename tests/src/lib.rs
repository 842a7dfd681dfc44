//! room tests
