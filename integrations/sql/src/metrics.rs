//! Instruments of database clients, declared once.

use watchroom::prelude::*;

use crate::labels::{Operation, Outcome, PoolName, SystemName, TransactionOutcome};

/// Statements and connections.
#[derive(Debug, Metrics)]
#[metrics(prefix = "db_client")]
pub(crate) struct SqlMetrics {
    /// Time from the call to the last row, waiting for a connection included.
    #[metric(unit = "seconds", buckets = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0])]
    pub(crate) operation_duration: Histogram<(Operation, SystemName, Outcome)>,
    /// Rows that a statement returned.
    #[metric(buckets = [0.0, 1.0, 10.0, 100.0, 1000.0, 10000.0])]
    pub(crate) returned_rows: Histogram<(Operation, SystemName)>,
    /// Statements that took longer than the threshold.
    pub(crate) slow_statements_total: Counter<(Operation, SystemName)>,
    /// Transactions by how they ended.
    pub(crate) transactions_total: Counter<(SystemName, TransactionOutcome)>,
    /// Calls that wait for a connection.
    pub(crate) connection_pending_requests: Gauge<PoolName>,
    /// Time that calls waited for a connection, in vain or not.
    #[metric(unit = "seconds", buckets = [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0])]
    pub(crate) connection_wait: Histogram<PoolName>,
    /// Calls that waited for a connection in vain.
    pub(crate) connection_timeouts_total: Counter<PoolName>,
}
