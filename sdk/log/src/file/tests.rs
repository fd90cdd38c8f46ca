//! Rotation and retention, on a clock that the test moves.

use std::sync::Arc;

use watchroom_core::clock::ManualClock;

use super::*;

/// 2026-01-02T03:04:05Z.
const START: u64 = 1_767_323_045;

struct Bench {
    dir: tempfile::TempDir,
    hand: Arc<ManualClock>,
    config: FileConfig,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let (clock, hand) = Clock::manual(START * 1_000_000_000);
    let mut config = FileConfig::new(dir.path().join("logs"), "app");
    config.max_bytes = 20;
    config.max_total_bytes = None;
    config.period = None;
    config.clock = clock;
    Bench { dir, hand, config }
}

impl Bench {
    fn open(&self) -> RollingFile {
        RollingFile::open(self.config.clone()).unwrap()
    }

    /// Names and contents, oldest first.
    fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<_> = std::fs::read_dir(self.dir.path().join("logs"))
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let text = std::fs::read_to_string(entry.path()).unwrap();
                (entry.file_name().into_string().unwrap(), text)
            })
            .collect();
        files.sort();
        files
    }

    fn texts(&self) -> Vec<String> {
        self.files().into_iter().map(|(_, text)| text).collect()
    }
}

#[test]
fn a_file_that_is_full_gives_way_at_the_end_of_a_line() {
    let bench = bench();
    let mut file = bench.open();
    file.write_all(b"one\ntwo\nthree\nfour\nfive\nsix seven\n")
        .unwrap();
    file.write_all(b"a line that alone is longer than a file may be\n")
        .unwrap();
    file.write_all(b"last\n").unwrap();
    assert_eq!(
        bench.texts(),
        [
            "one\ntwo\nthree\nfour\n",
            "five\nsix seven\n",
            "a line that alone is longer than a file may be\n",
            "last\n"
        ]
    );
    assert_eq!(bench.files()[0].0, "app-20260102T030405Z-000.log");
    assert_eq!(bench.files()[1].0, "app-20260102T030405Z-001.log");
}

#[test]
fn a_new_period_begins_a_file_even_if_the_old_one_has_room() {
    let mut bench = bench();
    bench.config.period = Some(Period::Hour);
    let mut file = bench.open();
    file.write_all(b"a\n").unwrap();
    bench.hand.advance(Duration::from_secs(55 * 60 + 54));
    file.write_all(b"b\n").unwrap();
    bench.hand.advance(Duration::from_secs(1));
    file.write_all(b"c\n").unwrap();
    assert_eq!(bench.texts(), ["a\nb\n", "c\n"]);
    assert_eq!(bench.files()[1].0, "app-20260102T040000Z-000.log");
}

#[test]
fn half_a_line_is_never_split_over_two_files() {
    let mut bench = bench();
    bench.config.period = Some(Period::Minute);
    let mut file = bench.open();
    file.write_all(b"half").unwrap();
    bench.hand.advance(Duration::from_secs(60));
    file.write_all(b" line\nnext\n").unwrap();
    file.write_all(b"more\n").unwrap();
    assert_eq!(bench.texts(), ["half line\nnext\n", "more\n"]);
}

#[test]
fn a_restart_goes_on_with_the_newest_file_and_ends_its_broken_line() {
    let bench = bench();
    bench.open().write_all(b"whole\nbrok").unwrap();
    bench.hand.advance(Duration::from_secs(10));
    let mut file = bench.open();
    file.write_all(b"next\n").unwrap();
    assert_eq!(bench.texts(), ["whole\nbrok\nnext\n"]);
    file.write_all(b"after\n").unwrap();
    bench.open();
    assert_eq!(bench.texts().len(), 2);
}

#[test]
fn all_files_together_stay_below_their_limit() {
    let mut bench = bench();
    bench.config.max_total_bytes = Some(60);
    let mut file = bench.open();
    for i in 0..100 {
        bench.hand.advance(Duration::from_secs(1));
        file.write_all(format!("line number {i:03}\n").as_bytes())
            .unwrap();
        let total: usize = bench.texts().iter().map(String::len).sum();
        assert!(total <= 60, "{total}");
    }
    assert_eq!(
        bench.texts(),
        ["line number 097\n", "line number 098\n", "line number 099\n"]
    );
}

#[test]
fn old_files_go_and_files_of_others_stay() {
    let mut bench = bench();
    bench.config.max_age = Some(Duration::from_secs(100));
    let dir = bench.dir.path().join("logs");
    std::fs::create_dir_all(&dir).unwrap();
    let others = [
        "app-notes.log",
        "other-20200101T000000Z-000.log",
        "app-20200101T000000Z-xyz.log",
    ];
    for name in others {
        std::fs::write(dir.join(name), "mine").unwrap();
    }
    let mut file = bench.open();
    file.write_all(b"first file, full now").unwrap();
    file.write_all(b"\n").unwrap();
    bench.hand.advance(Duration::from_secs(10));
    file.write_all(b"second file, also full\n").unwrap();
    bench.hand.advance(Duration::from_secs(101));
    file.write_all(b"third file, full too..\n").unwrap();
    // The first ended 101 s ago, the second only now.
    let ours: Vec<_> = bench
        .files()
        .into_iter()
        .filter(|(name, _)| !others.contains(&name.as_str()))
        .collect();
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert!(ours[0].1.starts_with("second"));
    assert_eq!(bench.files().len(), 5);
}

#[test]
fn wrong_settings_say_what_is_right() {
    let bench = bench();
    for name in ["app.log", "{time}/{time}.log", "../{time}.log", "a{time}b{time}"] {
        let mut config = bench.config.clone();
        config.name = name.to_owned();
        let error = RollingFile::open(config).unwrap_err();
        assert!(error.to_string().contains("app-{time}.log"), "{error}");
    }
    let mut config = bench.config.clone();
    config.max_total_bytes = Some(5);
    assert!(matches!(RollingFile::open(config), Err(FileError::Total { .. })));
    let mut config = bench.config.clone();
    std::fs::write(bench.dir.path().join("file"), "").unwrap();
    config.dir = bench.dir.path().join("file");
    assert!(matches!(RollingFile::open(config), Err(FileError::Open { .. })));
}

#[test]
fn a_folder_that_vanished_is_made_again_at_the_next_rotation() {
    let bench = bench();
    let mut file = bench.open();
    file.write_all(b"before the removal..\n").unwrap();
    std::fs::remove_dir_all(bench.dir.path().join("logs")).unwrap();
    file.write_all(b"after\n").unwrap();
    assert_eq!(bench.texts(), ["after\n"]);
}

#[test]
fn files_grow_too_old_without_a_new_one_being_begun() {
    let mut bench = bench();
    bench.config.max_age = Some(Duration::from_secs(100));
    let mut file = bench.open();
    file.write_all(b"first file, full now\n").unwrap();
    file.write_all(b"present\n").unwrap();
    assert_eq!(bench.texts().len(), 2);
    bench.hand.advance(Duration::from_secs(101));
    file.write_all(b"a line\n").unwrap();
    assert_eq!(bench.texts(), ["present\na line\n"]);
    // Without any line as well; the present file stays, whatever its age.
    let mut config = bench.config.clone();
    config.max_bytes = 5;
    let mut file = RollingFile::open(config).unwrap();
    file.write_all(b"next\n").unwrap();
    bench.hand.advance(Duration::from_secs(1_000));
    file.flush().unwrap();
    assert_eq!(bench.texts(), ["next\n"]);
}

#[test]
fn a_clock_that_is_set_back_rotates_once_and_names_still_sort_by_writing() {
    let mut bench = bench();
    bench.config.period = Some(Period::Hour);
    bench.config.max_total_bytes = Some(60);
    let mut file = bench.open();
    file.write_all(b"before\n").unwrap();
    bench.hand.set_wall((START - 86_400) * 1_000_000_000);
    file.write_all(b"after 1\n").unwrap();
    file.write_all(b"after 2\n").unwrap();
    assert_eq!(bench.texts(), ["before\n", "after 1\nafter 2\n"]);
    assert_eq!(bench.files()[1].0, "app-20260102T030405Z-001.log");
    // The oldest by writing goes first, though its clock was ahead; more than a thousand files may follow.
    for n in 0..1_200 {
        file.write_all(format!("further line {n:05}\n").as_bytes())
            .unwrap();
    }
    assert_eq!(
        bench.texts(),
        [
            "further line 01197\n",
            "further line 01198\n",
            "further line 01199\n"
        ]
    );
    // A restart while the clock is behind goes on behind the newest.
    bench.open().write_all(b"restarted\n").unwrap();
    assert_eq!(bench.texts().last().unwrap(), "restarted\n");
    // The clock catches up: the next period has its own name again.
    bench.hand.set_wall((START + 86_400) * 1_000_000_000);
    bench.open().write_all(b"caught up\n").unwrap();
    assert_eq!(bench.files().last().unwrap().0, "app-20260103T030405Z-000.log");
}

#[test]
fn a_file_that_was_taken_away_is_begun_anew_within_a_minute() {
    let bench = bench();
    let mut file = bench.open();
    file.write_all(b"lost\n").unwrap();
    std::fs::remove_file(file.path()).unwrap();
    bench.hand.advance(Duration::from_secs(60));
    file.write_all(b"kept\n").unwrap();
    assert_eq!(bench.texts(), ["kept\n"]);
}

#[cfg(unix)]
#[test]
fn files_are_not_for_all_eyes() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut bench = bench();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = bench.open();
    assert_eq!(mode(file.path()) & 0o137, 0);
    assert_eq!(mode(&bench.config.dir) & 0o027, 0);
    bench.config.name = "own-{time}.log".to_owned();
    bench.config.mode = 0o600;
    assert_eq!(mode(bench.open().path()), 0o600);
    for wrong in [0o440, 0o1640] {
        bench.config.mode = wrong;
        let error = RollingFile::open(bench.config.clone()).unwrap_err();
        assert!(error.to_string().contains("`log.file.mode`"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn links_in_the_place_of_files_are_not_followed() {
    let bench = bench();
    let dir = bench.dir.path().join("logs");
    std::fs::create_dir_all(&dir).unwrap();
    let target = bench.dir.path().join("precious");
    std::fs::write(&target, "precious").unwrap();
    // Where the next file would be, one to a file and one to nowhere; and one as the newest that could be gone on with.
    std::os::unix::fs::symlink(&target, dir.join("app-20260102T030405Z-000.log")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.join("app-20260102T030405Z-001.log")).unwrap();
    let mut file = bench.open();
    file.write_all(b"line\n").unwrap();
    assert!(file.path().ends_with("app-20260102T030405Z-002.log"));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    assert!(
        open_plain(&dir.join("app-20260102T030405Z-000.log"))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_total_that_is_too_small_names_its_setting() {
    let mut bench = bench();
    bench.config.max_total_bytes = Some(5);
    let error = RollingFile::open(bench.config.clone()).unwrap_err().to_string();
    assert_eq!(
        error,
        "setting `log.file.max_total_bytes` is 5, expected at least the 20 bytes of a single file (setting `log.file.max_bytes`)"
    );
}
