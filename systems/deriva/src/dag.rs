//! The graph of recipes, in memory: who takes whom as an input, and how deep each stands.
//!
//! Invariant: an input is known before the recipe that takes it, so there is no cycle. Durable in `storage`, rebuilt at start.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use crate::address::CAddr;
use crate::recipe::Recipe;

/// Deepest recipe; it bounds how far materialization nests.
pub const MAX_DEPTH: u32 = 64;

/// A recipe with its place in the graph.
#[derive(Debug, Clone)]
pub struct Node {
    /// The recipe.
    pub recipe: Arc<Recipe>,
    /// Longest path to a leaf.
    pub depth: u32,
}

/// The recipe would stand deeper than allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a recipe stands at most {MAX_DEPTH} deep; this one would stand {0} deep")]
pub struct TooDeep(pub u32);

/// The graph.
#[derive(Debug, Default)]
pub struct Dag {
    graph: RwLock<Graph>,
    /// For those who must not wait for the lock, such as the health report.
    n_recipes: AtomicUsize,
}

#[derive(Debug, Default)]
struct Graph {
    nodes: HashMap<CAddr, Node>,
    dependents: HashMap<CAddr, Vec<CAddr>>,
}

impl Dag {
    /// Builds the graph of stored recipes, which come in no order.
    #[must_use]
    pub fn rebuild(recipes: Vec<(CAddr, Recipe)>) -> Self {
        let mut graph = Graph::default();
        let mut waiting: HashMap<CAddr, Arc<Recipe>> = recipes
            .into_iter()
            .map(|(address, recipe)| (address, Arc::new(recipe)))
            .collect();
        // Each round settles the recipes whose inputs are settled; depth bounds the number of rounds.
        while !waiting.is_empty() {
            let settled: Vec<CAddr> = waiting
                .iter()
                .filter(|(_, recipe)| recipe.inputs.iter().all(|input| !waiting.contains_key(input)))
                .map(|(address, _)| *address)
                .collect();
            if settled.is_empty() {
                break;
            }
            for address in settled {
                if let Some(recipe) = waiting.remove(&address) {
                    let depth = graph.depth_of(&recipe);
                    graph.insert(address, Node { recipe, depth });
                }
            }
        }
        Self {
            n_recipes: graph.nodes.len().into(),
            graph: RwLock::new(graph),
        }
    }

    /// Depth at which a recipe would stand.
    ///
    /// # Errors
    /// [`TooDeep`].
    pub fn depth_of(&self, recipe: &Recipe) -> Result<u32, TooDeep> {
        let depth = self.read().depth_of(recipe);
        if depth > MAX_DEPTH {
            Err(TooDeep(depth))
        } else {
            Ok(depth)
        }
    }

    /// Adds a recipe. Whether it is new.
    pub fn insert(&self, address: CAddr, node: Node) -> bool {
        let mut graph = self.graph.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = graph.insert(address, node);
        self.n_recipes.store(graph.nodes.len(), Relaxed);
        is_new
    }

    /// Finds a recipe.
    #[must_use]
    pub fn get(&self, address: CAddr) -> Option<Node> {
        self.read().nodes.get(&address).cloned()
    }

    /// Recipes that take `address` as an input, in order of arrival.
    #[must_use]
    pub fn dependents(&self, address: CAddr) -> Vec<CAddr> {
        self.read().dependents.get(&address).cloned().unwrap_or_default()
    }

    /// Everything that depends on `address`, itself not included.
    #[must_use]
    pub fn downstream(&self, address: CAddr) -> HashSet<CAddr> {
        let graph = self.read();
        let mut found = HashSet::new();
        let mut next = vec![address];
        while let Some(address) = next.pop() {
            for dependent in graph.dependents.get(&address).into_iter().flatten() {
                if found.insert(*dependent) {
                    next.push(*dependent);
                }
            }
        }
        found
    }

    /// Number of recipes. Waits for nobody.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n_recipes.load(Relaxed)
    }

    /// Whether there is no recipe.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nothing that can panic runs under the lock, so a poisoned one is taken as it is.
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Graph> {
        self.graph.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Graph {
    fn depth_of(&self, recipe: &Recipe) -> u32 {
        let deepest = recipe
            .inputs
            .iter()
            .filter_map(|input| self.nodes.get(input))
            .map(|node| node.depth)
            .max();
        deepest.unwrap_or(0) + 1
    }

    fn insert(&mut self, address: CAddr, node: Node) -> bool {
        if self.nodes.contains_key(&address) {
            return false;
        }
        for input in node.recipe.inputs.iter().collect::<HashSet<_>>() {
            self.dependents.entry(*input).or_default().push(address);
        }
        self.nodes.insert(address, node);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn recipe(inputs: &[CAddr]) -> Recipe {
        Recipe {
            function: "concat/v1".into(),
            inputs: inputs.to_vec(),
            params: BTreeMap::new(),
        }
    }

    #[test]
    fn rebuilt_from_any_order_it_knows_depths_and_dependents() {
        let leaf = CAddr::of_leaf(b"x");
        let low = recipe(&[leaf, leaf]);
        let high = recipe(&[low.address(), leaf]);
        let dag = Dag::rebuild(vec![(high.address(), high.clone()), (low.address(), low.clone())]);
        assert_eq!(dag.get(high.address()).map(|node| node.depth), Some(2));
        assert_eq!(dag.dependents(low.address()), [high.address()]);
        assert_eq!(
            dag.downstream(leaf),
            HashSet::from([low.address(), high.address()])
        );
        assert_eq!(dag.downstream(high.address()), HashSet::new());
    }

    #[test]
    fn refuses_to_grow_deeper_than_it_can_be_walked() {
        let dag = Dag::default();
        let mut top = recipe(&[CAddr::of_leaf(b"x")]);
        for _ in 0..MAX_DEPTH {
            let depth = dag.depth_of(&top).unwrap();
            dag.insert(
                top.address(),
                Node {
                    recipe: Arc::new(top.clone()),
                    depth,
                },
            );
            top = recipe(&[top.address()]);
        }
        assert_eq!(dag.depth_of(&top), Err(TooDeep(MAX_DEPTH + 1)));
    }
}
