//! sqlx with its light.
