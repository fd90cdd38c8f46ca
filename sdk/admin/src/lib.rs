//! The HTTP endpoint for metrics, health, level and catalogue.
