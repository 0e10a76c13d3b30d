//! The grammatical half: along the document and along the field plan at once.
//!
//! Places in the payload go through arguments and results, so that they stay in registers; what was
//! wrong, which is rare, stands in the walk.

use super::MOST_DEEP;
use super::scan::{self, Fault};
use crate::wire::cell::{Cell, Cells, Text};
use crate::wire::plan::{FieldPlan, Hints, NONE, Node, Trail};
use crate::wire::reason::{Reason, Refusal};

/// A walk along one payload, which is UTF-8.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    plan: &'a FieldPlan,
    memory: &'a mut Memory,
    cells: &'a mut Cells,
    /// What was wrong, and where.
    fault: (Fault, usize),
}

/// What a walker keeps from record to record.
#[derive(Debug)]
pub(super) struct Memory {
    hints: Hints,
    /// Per node, the record that came by last: a second time in one record is a repeated name.
    visited: Vec<u64>,
    record: u64,
    scratch: String,
}

impl Memory {
    pub fn new(plan: &FieldPlan) -> Memory {
        Memory {
            hints: plan.hints(),
            visited: vec![0; plan.nodes()],
            record: 0,
            scratch: String::new(),
        }
    }
}

/// The walk cannot go on; why stands in its `fault`.
struct Stopped;

/// Where the next byte is.
type Step = Result<usize, Stopped>;

impl<'a> Walk<'a> {
    pub fn new(
        bytes: &'a [u8],
        plan: &'a FieldPlan,
        memory: &'a mut Memory,
        cells: &'a mut Cells,
    ) -> Walk<'a> {
        memory.record += 1;
        Walk { bytes, plan, memory, cells, fault: (Fault::Ended, 0) }
    }

    /// Reads the whole payload.
    pub fn document(mut self) -> Result<(), Refusal> {
        let start = self.space(0);
        let plain = !matches!(self.bytes.get(start), Some(b'{' | b'['));
        let read = self.value(start, self.plan.root(), 0).and_then(|at| {
            let at = self.space(at);
            if at == self.bytes.len() { Ok(()) } else { Err(self.bad("nothing more", at)) }
        });
        let (fault, at) = match read {
            Ok(()) if plain => {
                return Err(Refusal::new(
                    Reason::NotObject,
                    "the payload is one plain value; expected an object with fields",
                ));
            }
            Ok(()) => return Ok(()),
            Err(Stopped) => self.fault,
        };
        Err(match fault {
            Fault::Bad(expected) => {
                Refusal::new(Reason::BadJson, format!("byte {at}: expected {expected}"))
            }
            Fault::Ended => Refusal::new(
                Reason::Truncated,
                format!("ends after {} bytes, in the middle of the document", self.bytes.len()),
            ),
            Fault::Deep => Refusal::new(
                Reason::TooDeep,
                format!("byte {at}: more than {MOST_DEEP} lists and objects in each other"),
            ),
        })
    }

    #[cold]
    fn stop(&mut self, (fault, at): (Fault, usize)) -> Stopped {
        self.fault = (fault, at);
        Stopped
    }

    /// At `at` stands something else than was expected, or nothing.
    #[cold]
    fn bad(&mut self, expected: &'static str, at: usize) -> Stopped {
        let fault = if at < self.bytes.len() { Fault::Bad(expected) } else { Fault::Ended };
        self.stop((fault, at))
    }

    /// Past space; mostly there is none.
    #[inline(always)]
    fn space(&self, at: usize) -> usize {
        match self.bytes.get(at) {
            Some(b' ' | b'\n' | b'\r' | b'\t') => self.more_space(at + 1),
            _ => at,
        }
    }

    fn more_space(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(at) {
            at += 1;
        }
        at
    }

    /// A value; `node` is its place in the plan, or [`NONE`] where nobody wants it.
    #[inline(always)]
    fn value(&mut self, at: usize, node: u32, depth: u32) -> Step {
        let slot = match self.plan.node(node) {
            None => NONE,
            Some(place) => {
                // Of a repeated name the last value counts, with all that is in it.
                if let Some(visited) = self.memory.visited.get_mut(node as usize) {
                    if *visited == self.memory.record {
                        self.cells.forget(place.below.clone());
                    }
                    *visited = self.memory.record;
                }
                place.slot
            }
        };
        match self.bytes.get(at) {
            Some(b'-' | b'0'..=b'9') => self.number(at, slot),
            Some(b'"') => self.text(at + 1, slot),
            Some(b'{') => {
                let end = self.object(at, node, depth + 1)?;
                self.put(slot, Cell::Nested);
                Ok(end)
            }
            Some(b'[') => {
                let end = self.list(at, node, depth + 1)?;
                self.put(slot, Cell::Nested);
                Ok(end)
            }
            Some(b't') => self.word(at, b"true", slot, Cell::Bool(true)),
            Some(b'f') => self.word(at, b"false", slot, Cell::Bool(false)),
            Some(b'n') => self.word(at, b"null", slot, Cell::Null),
            _ => Err(self.bad("a value", at)),
        }
    }

    #[inline(always)]
    fn put(&mut self, slot: u32, cell: Cell) {
        if slot != NONE {
            self.cells.set(slot, cell);
        }
    }

    #[inline(always)]
    fn number(&mut self, at: usize, slot: u32) -> Step {
        if slot == NONE {
            let number = scan::number::<false>(self.bytes, at);
            return number.map(|number| number.end).map_err(|fault| self.stop(fault));
        }
        let number = match scan::plain(self.bytes, at) {
            Some(number) => number,
            None => scan::number::<true>(self.bytes, at).map_err(|fault| self.stop(fault))?,
        };
        let text = Text::of_payload(at, number.end);
        self.cells.set(slot, Cell::Number { value: number.value, whole: number.whole, text });
        Ok(number.end)
    }

    fn object(&mut self, at: usize, node: u32, depth: u32) -> Step {
        let mut at = self.enter(at, depth)?;
        if self.bytes.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        let plan = self.plan;
        let place = plan.node(node);
        let mut trail = plan.trail(node);
        loop {
            let child;
            (child, at) = match self.expected(at, &mut trail) {
                Some(passed) => passed,
                None => self.name(at, place, &mut trail)?,
            };
            at = self.value(self.space(at), child, depth)?;
            at = self.space(at);
            match self.bytes.get(at) {
                Some(b',') => at = self.space(at + 1),
                Some(b'}') => return Ok(at + 1),
                _ => return Err(self.bad("a comma or }", at)),
            }
        }
    }

    /// Past the name that most likely stands here and its colon, if they do, as nearly every producer
    /// writes them; nothing is copied or unescaped.
    #[inline(always)]
    fn expected(&self, at: usize, trail: &mut Trail) -> Option<(u32, usize)> {
        let (name, child, next) = self.plan.expected(&self.memory.hints, *trail)?;
        let end = at + name.len() + 3;
        match self.bytes.get(at..end)? {
            [b'"', found @ .., b'"', b':'] if same(found, name) => {
                *trail = next;
                Some((child, end))
            }
            _ => None,
        }
    }

    /// Past any name and its colon; its node.
    fn name(
        &mut self,
        at: usize,
        place: Option<&Node>,
        trail: &mut Trail,
    ) -> Result<(u32, usize), Stopped> {
        if self.bytes.get(at) != Some(&b'"') {
            return Err(self.bad("a name in quotes", at));
        }
        let start = at + 1;
        let inside = scan::string(self.bytes, start).map_err(|fault| self.stop(fault))?;
        let child = match place {
            None => NONE,
            Some(place) => {
                let raw = self.bytes.get(start..inside.end).unwrap_or_default();
                self.child(place, raw, inside.escaped, trail)
            }
        };
        let at = self.space(inside.end + 1);
        if self.bytes.get(at) != Some(&b':') {
            return Err(self.bad("a colon", at));
        }
        Ok((child, at + 1))
    }

    fn child(&mut self, place: &Node, raw: &[u8], escaped: bool, trail: &mut Trail) -> u32 {
        let Memory { hints, scratch, .. } = &mut *self.memory;
        if !escaped {
            return self.plan.child(place, raw, hints, trail);
        }
        scratch.clear();
        let raw = std::str::from_utf8(raw).unwrap_or_default();
        match scan::unescape(raw, scratch) {
            Some(()) => self.plan.child(place, scratch.as_bytes(), hints, trail),
            None => NONE,
        }
    }

    fn list(&mut self, at: usize, node: u32, depth: u32) -> Step {
        let mut at = self.enter(at, depth)?;
        if self.bytes.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
        let plan = self.plan;
        let place = plan.node(node).filter(|place| place.listed);
        let mut index = 0u32;
        loop {
            let child = place.map_or(NONE, |place| plan.element(place, index));
            at = self.value(at, child, depth)?;
            at = self.space(at);
            match self.bytes.get(at) {
                Some(b',') => at = self.space(at + 1),
                Some(b']') => return Ok(at + 1),
                _ => return Err(self.bad("a comma or ]", at)),
            }
            index = index.saturating_add(1);
        }
    }

    /// Past an opening bracket.
    fn enter(&mut self, at: usize, depth: u32) -> Step {
        if depth > MOST_DEEP {
            return Err(self.stop((Fault::Deep, at)));
        }
        Ok(self.space(at + 1))
    }

    /// A text whose inside begins at `start`.
    fn text(&mut self, start: usize, slot: u32) -> Step {
        let inside = scan::string(self.bytes, start).map_err(|fault| self.stop(fault))?;
        if slot == NONE {
            return Ok(inside.end + 1);
        }
        if !inside.escaped {
            self.cells.set(slot, Cell::Text(Text::of_payload(start, inside.end)));
            return Ok(inside.end + 1);
        }
        let raw = self.bytes.get(start..inside.end).unwrap_or_default();
        let raw = std::str::from_utf8(raw).unwrap_or_default();
        match self.cells.keep_with(|out| scan::unescape(raw, out)) {
            Some(text) => self.cells.set(slot, Cell::Text(text)),
            None => return Err(self.bad("a text without half a surrogate pair", start)),
        }
        Ok(inside.end + 1)
    }

    fn word(&mut self, at: usize, word: &'static [u8], slot: u32, cell: Cell) -> Step {
        let same = |(place, expected)| self.bytes.get(place) == Some(expected);
        if let Some((place, _)) = (at..).zip(word).find(|letter| !same(*letter)) {
            return Err(self.bad("true, false or null", place));
        }
        self.put(slot, cell);
        Ok(at + word.len())
    }
}

/// Whether names of the same length are equal: too short for a call of the C library to pay.
#[inline(always)]
fn same(found: &[u8], name: &[u8]) -> bool {
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    match (found.last_chunk::<8>(), name.last_chunk::<8>()) {
        // The last words overlap those before.
        (Some(a), Some(b)) => {
            let (found, name) = (found.as_chunks::<8>().0, name.as_chunks::<8>().0);
            word(a) == word(b) && found.iter().zip(name).all(|(a, b)| word(a) == word(b))
        }
        _ => found.iter().zip(name).all(|(a, b)| a == b),
    }
}
