//! The field plan of a topic: which places of a payload anybody wants, as a tree to walk along.
//!
//! It knows no format. A format walks a payload once, follows the tree by the names it meets, and
//! puts what it finds into the slots of [`super::Cells`].

use std::ops::Range;

use super::path::{Path, Place};

/// No node, no slot, no edge.
pub const NONE: u32 = u32::MAX;

/// The union of the paths of all readers of a topic.
#[derive(Debug)]
pub struct FieldPlan {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Places outside the payload, and their slots.
    around: Vec<(Place, u32)>,
    places: Vec<(Place, u32)>,
    slots: u32,
}

/// A place in the payload on the way to something wanted.
#[derive(Debug)]
pub struct Node {
    /// The slot of this very place, or [`NONE`].
    pub slot: u32,
    /// The slots of this place and of all below it.
    pub below: Range<u32>,
    /// Whether some wanted place below is an element of a list.
    pub listed: bool,
    edges: Range<u32>,
    /// One bit per outline of a name below: most unwanted names fail here.
    outlines: u64,
}

#[derive(Debug)]
struct Edge {
    name: Box<str>,
    /// Whether every text format writes the name as it is, without escapes.
    plain: bool,
    /// The name as a position in a list, or [`NONE`].
    index: u32,
    to: u32,
}

/// Which name followed which: events of one producer hold their fields in one order, so the
/// first guess is nearly always right. Owned by each walker.
#[derive(Debug)]
pub struct Hints(Vec<u32>);

/// The way from one name of an object to the next.
#[derive(Debug, Clone, Copy)]
pub struct Trail(usize);

#[derive(Default)]
struct Draft {
    wanted: bool,
    children: Vec<(String, Draft)>,
}

impl FieldPlan {
    /// The plan for these paths; a place that is named twice gets one slot.
    #[must_use]
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a Path>) -> FieldPlan {
        let mut top = Draft::default();
        let mut around: Vec<Place> = Vec::new();
        for path in paths {
            match path.place() {
                Place::Payload(steps) => {
                    let mut draft = &mut top;
                    for step in steps {
                        let known = draft.children.iter().position(|(name, _)| name == step);
                        let at = known.unwrap_or_else(|| {
                            draft.children.push((step.clone(), Draft::default()));
                            draft.children.len() - 1
                        });
                        draft = &mut draft.children[at].1;
                    }
                    draft.wanted = true;
                }
                place if !around.contains(place) => around.push(place.clone()),
                _ => {}
            }
        }
        let mut plan = FieldPlan {
            nodes: Vec::new(),
            edges: Vec::new(),
            around: Vec::new(),
            places: Vec::new(),
            slots: 0,
        };
        plan.lay_out(&top, &mut Vec::new());
        for place in around {
            plan.around.push((place.clone(), plan.slots));
            plan.places.push((place, plan.slots));
            plan.slots += 1;
        }
        plan
    }

    /// Lays a draft and all below it out, depth first, so that slots below a node are a range.
    fn lay_out(&mut self, draft: &Draft, steps: &mut Vec<String>) -> u32 {
        let me = self.nodes.len();
        let first = self.slots;
        let mut slot = NONE;
        if draft.wanted {
            slot = self.slots;
            self.slots += 1;
            self.places.push((Place::Payload(steps.clone()), slot));
        }
        let edges = self.edges.len() as u32..(self.edges.len() + draft.children.len()) as u32;
        let mut outlines = 0;
        for (name, _) in &draft.children {
            outlines |= outline(name.as_bytes());
            let index = list_position(name).unwrap_or(NONE);
            let plain = !name.contains(|c: char| c.is_control() || matches!(c, '"' | '\\'));
            self.edges.push(Edge { name: name.as_str().into(), plain, index, to: NONE });
        }
        let span = edges.start as usize..edges.end as usize;
        let listed = self.edges[span].iter().any(|edge| edge.index != NONE);
        self.nodes.push(Node { slot, below: first..first, listed, edges: edges.clone(), outlines });
        for (edge, (name, child)) in edges.zip(&draft.children) {
            steps.push(name.clone());
            let to = self.lay_out(child, steps);
            steps.pop();
            self.edges[edge as usize].to = to;
        }
        self.nodes[me].below = first..self.slots;
        me as u32
    }

    /// The top of the payload.
    #[must_use]
    pub const fn root(&self) -> u32 {
        0
    }

    /// How many slots there are.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots as usize
    }

    /// How many nodes there are.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Wanted places outside the payload, and their slots.
    #[must_use]
    pub fn around(&self) -> &[(Place, u32)] {
        &self.around
    }

    /// The slot of a path, [`NONE`] if the plan was made without it.
    #[must_use]
    pub fn slot(&self, path: &Path) -> u32 {
        let known = self.places.iter().find(|(place, _)| place == path.place());
        known.map_or(NONE, |(_, slot)| *slot)
    }

    /// A node by its number; `None` for [`NONE`].
    #[must_use]
    pub fn node(&self, node: u32) -> Option<&Node> {
        self.nodes.get(node as usize)
    }

    /// The node of element `index` of a list at `node`, or [`NONE`].
    #[must_use]
    pub fn element(&self, node: &Node, index: u32) -> u32 {
        let edges = self.edges.get(node.edges.start as usize..node.edges.end as usize);
        let found = edges.unwrap_or_default().iter().find(|edge| edge.index == index);
        found.map_or(NONE, |edge| edge.to)
    }

    /// The names below a node, each with the position in a list that it also means (else [`NONE`])
    /// and the node that it leads to.
    pub fn below(&self, node: &Node) -> impl Iterator<Item = (&str, u32, u32)> {
        let edges = self.edges.get(node.edges.start as usize..node.edges.end as usize);
        edges.unwrap_or_default().iter().map(|edge| (&*edge.name, edge.index, edge.to))
    }

    /// The node of the field `name` of an object at `node`, or [`NONE`]; `trail` is where the
    /// walker stands in this object.
    pub fn child(&self, node: &Node, name: &[u8], hints: &mut Hints, trail: &mut Trail) -> u32 {
        let guess = hints.0.get(trail.0).copied().unwrap_or(NONE);
        let found = match self.edges.get(guess as usize) {
            Some(edge) if edge.name.as_bytes() == name => guess,
            _ => {
                let found = self.search(node, name);
                if found == NONE {
                    return NONE;
                }
                if let Some(hint) = hints.0.get_mut(trail.0) {
                    *hint = found;
                }
                found
            }
        };
        trail.0 = found as usize;
        self.edges.get(found as usize).map_or(NONE, |edge| edge.to)
    }

    /// The name that most likely comes next, if it is written without escapes, its node, and where
    /// the walker stands past it.
    #[inline]
    #[must_use]
    pub fn expected(&self, hints: &Hints, trail: Trail) -> Option<(&[u8], u32, Trail)> {
        let at = *hints.0.get(trail.0)? as usize;
        let edge = self.edges.get(at)?;
        edge.plain.then_some((edge.name.as_bytes(), edge.to, Trail(at)))
    }

    fn search(&self, node: &Node, name: &[u8]) -> u32 {
        if node.outlines & outline(name) == 0 {
            return NONE;
        }
        let edges = self.edges.get(node.edges.start as usize..node.edges.end as usize);
        let at = edges.unwrap_or_default().iter().position(|e| e.name.as_bytes() == name);
        at.map_or(NONE, |at| node.edges.start + at as u32)
    }

    /// First guesses: the order of the paths.
    #[must_use]
    pub fn hints(&self) -> Hints {
        // One guess per edge (what follows it), then one per node (what comes first in it). A
        // guess always is an edge of the same object, or none.
        let mut hints = vec![NONE; self.edges.len() + self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            for edge in node.edges.clone() {
                let next = edge + 1;
                hints[edge as usize] = if next < node.edges.end { next } else { node.edges.start };
            }
            if !node.edges.is_empty() {
                hints[self.edges.len() + at] = node.edges.start;
            }
        }
        Hints(hints)
    }

    /// The start of an object at `node`.
    #[must_use]
    pub fn trail(&self, node: u32) -> Trail {
        Trail(self.edges.len().saturating_add(node as usize))
    }
}

/// One of 64 bits by length, first and last byte.
fn outline(name: &[u8]) -> u64 {
    let first = name.first().copied().unwrap_or(0) as usize;
    let last = name.last().copied().unwrap_or(0) as usize;
    1 << ((name.len() * 5 + first * 3 + last) % 64)
}

/// A position in a list as RFC 6901 writes it: no sign, no leading zero.
fn list_position(name: &str) -> Option<u32> {
    let plain = name == "0" || !name.starts_with(['0', '+']);
    if plain { name.parse().ok().filter(|&index| index != NONE) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(paths: &[&str]) -> (FieldPlan, Vec<Path>) {
        let paths: Vec<Path> = paths.iter().map(|p| Path::parse(p).unwrap()).collect();
        (FieldPlan::new(&paths), paths)
    }

    #[test]
    fn a_place_has_one_slot_however_often_it_is_named() {
        let (plan, paths) = plan(&["a.b", "/a/b", "a", "kafka.key", "kafka.key", "c"]);
        assert_eq!(plan.slots(), 4);
        assert_eq!(plan.slot(&paths[0]), plan.slot(&paths[1]));
        assert_eq!(plan.slot(&Path::parse("z").unwrap()), NONE);
        assert_eq!(plan.around(), [(Place::Key, 3)]);
        let root = plan.node(plan.root()).unwrap();
        let (mut hints, mut trail) = (plan.hints(), plan.trail(0));
        let a = plan.child(root, b"a", &mut hints, &mut trail);
        assert_eq!(plan.node(a).unwrap().below, 0..2);
    }

    #[test]
    fn names_are_found_in_any_order_and_never_in_another_object() {
        let (plan, _) = plan(&["a.x", "b.y", "c"]);
        let root = plan.node(plan.root()).unwrap();
        let mut hints = plan.hints();
        for _ in 0..3 {
            let mut trail = plan.trail(plan.root());
            for (name, known) in
                [("c", true), ("x", false), ("b", true), ("", false), ("y", false), ("a", true)]
            {
                let found = plan.child(root, name.as_bytes(), &mut hints, &mut trail);
                assert_eq!(found != NONE, known, "{name}");
            }
        }
        let mut trail = plan.trail(0);
        let a = plan.child(root, b"a", &mut hints, &mut trail);
        let mut inner = plan.trail(a);
        assert_eq!(plan.child(plan.node(a).unwrap(), b"y", &mut hints, &mut inner), NONE);
        assert_ne!(plan.child(plan.node(a).unwrap(), b"x", &mut hints, &mut inner), NONE);
    }

    #[test]
    fn a_number_is_a_position_only_as_pointers_write_it() {
        assert_eq!(list_position("0"), Some(0));
        assert_eq!(list_position("10"), Some(10));
        for name in ["00", "01", "+1", "-1", "", "4294967295", "1.0"] {
            assert_eq!(list_position(name), None, "{name}");
        }
    }
}
