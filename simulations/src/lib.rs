//! room simulations
