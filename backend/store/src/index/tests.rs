//! The index against a plain scan over all series.

use proptest::prelude::*;
use watchroom_model::MatchOp;

use super::*;

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec(("[abc]", "[xyz]{0,2}"), 0..4).prop_map(Labels::from_pairs)
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let op = prop_oneof![
        Just(MatchOp::Equal),
        Just(MatchOp::NotEqual),
        Just(MatchOp::Regex),
        Just(MatchOp::NotRegex)
    ];
    let value = prop_oneof![
        "[xyz]{0,2}",
        Just("x.*".to_owned()),
        Just("x|yz".to_owned()),
        Just(".+".to_owned())
    ];
    (op, "[abcd]", value).prop_map(|(op, name, value)| Matcher::new(op, name, value).unwrap())
}

fn scan(series: &[(u32, Labels)], matchers: &[Matcher]) -> Vec<u32> {
    series
        .iter()
        .filter(|(_, labels)| {
            matchers
                .iter()
                .all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or("")))
        })
        .map(|(id, _)| *id)
        .collect()
}

proptest! {
    #[test]
    fn finds_what_a_scan_finds_also_after_removal(
        sets in prop::collection::vec(labels(), 0..60),
        matchers in prop::collection::vec(matcher(), 0..4),
        keep in any::<u64>(),
    ) {
        let mut identity = Identity::new();
        let mut index = Index::default();
        let mut series = Vec::new();
        for (id, labels) in sets.iter().enumerate() {
            let key = identity.of(labels);
            if index.is_free(key) {
                index.insert(key, id as u32, labels);
                series.push((id as u32, labels.clone()));
            }
        }
        prop_assert_eq!(index.select(&matchers), scan(&series, &matchers));
        let dead: FxHashSet<u32> = series.iter().map(|(id, _)| *id).filter(|id| keep >> id & 1 == 0).collect();
        index.remove(&dead, &mut identity);
        series.retain(|(id, _)| !dead.contains(id));
        prop_assert_eq!(index.select(&matchers), scan(&series, &matchers));
        prop_assert_eq!(index.len(), series.len());
        for (id, labels) in &series {
            prop_assert_eq!(index.get(identity.of(labels)).map(|series| series.id), Some(*id));
        }
        index.rank();
        let extra = Labels::from_pairs([("a", "w"), ("z", "last")]);
        index.insert(identity.of(&extra), 1_000, &extra);
        prop_assert!(!index.is_ranked());
        index.rank();
        let mut by_rank = index.all();
        by_rank.sort_by_key(|series| series.rank());
        prop_assert!(by_rank.is_sorted_by(|a, b| a.labels < b.labels));
        for name in index.names() {
            prop_assert!(index.values(name).all(|(_, ids)| !ids.is_empty() && ids.is_sorted()));
        }
    }
}

#[test]
fn keeps_one_copy_of_each_text() {
    let mut identity = Identity::new();
    let mut index = Index::default();
    for (id, instance) in ["a", "b"].into_iter().enumerate() {
        let labels = Labels::from_pairs([("job", "deriva"), ("instance", instance)]);
        index.insert(identity.of(&labels), id as u32, &labels);
    }
    let [first, second] = &*index.all() else {
        panic!("two series");
    };
    let address = |series: &Series, name: &str| series.labels.get(name).map(str::as_ptr);
    assert_eq!(address(first, "job"), address(second, "job"));
    assert_ne!(address(first, "instance"), address(second, "instance"));
}
