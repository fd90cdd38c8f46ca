//! JSON and text log lines, levels, rotated files.
