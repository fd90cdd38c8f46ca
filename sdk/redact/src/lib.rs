//! The one redactor of the watchroom SDK.
