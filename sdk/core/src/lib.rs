//! Ids, values, resource, clock, bounded queue and the ledger of the watchroom SDK.
