//! The grammatical half: along the document and along the field plan at once.

use super::MOST_DEEP;
use super::scan::{self, Fault};
use crate::wire::cell::{Cell, Cells, Text};
use crate::wire::plan::{FieldPlan, Hints, NONE, Node, Trail};
use crate::wire::reason::{Reason, Refusal};

/// A walk along one payload, which is UTF-8.
pub(super) struct Walk<'a> {
    pub bytes: &'a [u8],
    /// The next byte.
    pub at: usize,
    pub plan: &'a FieldPlan,
    pub hints: &'a mut Hints,
    pub visited: &'a mut [u64],
    pub record: u64,
    pub scratch: &'a mut String,
    pub cells: &'a mut Cells,
}

impl Walk<'_> {
    /// Reads the whole payload.
    pub fn document(mut self) -> Result<(), Refusal> {
        self.space();
        let plain = !matches!(self.bytes.get(self.at), Some(b'{' | b'['));
        let read = self.value(self.plan.root(), 0).and_then(|()| {
            self.space();
            if self.at == self.bytes.len() { Ok(()) } else { Err(Fault::Bad("nothing more")) }
        });
        match read {
            Ok(()) if plain => Err(Refusal::new(
                Reason::NotObject,
                "the payload is one plain value; expected an object with fields",
            )),
            Ok(()) => Ok(()),
            Err(Fault::Bad(expected)) => {
                Err(Refusal::new(Reason::BadJson, format!("byte {}: expected {expected}", self.at)))
            }
            Err(Fault::Ended) => Err(Refusal::new(
                Reason::Truncated,
                format!("ends after {} bytes, in the middle of the document", self.bytes.len()),
            )),
            Err(Fault::Deep) => Err(Refusal::new(
                Reason::TooDeep,
                format!("byte {}: more than {MOST_DEEP} lists and objects in each other", self.at),
            )),
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Result<u8, Fault> {
        self.bytes.get(self.at).copied().ok_or(Fault::Ended)
    }

    /// A value; `node` is its place in the plan, or [`NONE`] where nobody wants it.
    fn value(&mut self, node: u32, depth: u32) -> Result<(), Fault> {
        let slot = match self.plan.node(node) {
            None => NONE,
            Some(place) => {
                // Of a repeated name the last value counts, with all that is in it.
                if let Some(visited) = self.visited.get_mut(node as usize) {
                    if *visited == self.record {
                        self.cells.forget(place.below.clone());
                    }
                    *visited = self.record;
                }
                place.slot
            }
        };
        let cell = match self.peek()? {
            b'"' => self.text(slot)?,
            b'-' | b'0'..=b'9' => self.number(slot)?,
            b'{' => {
                self.object(node, depth + 1)?;
                Cell::Nested
            }
            b'[' => {
                self.list(node, depth + 1)?;
                Cell::Nested
            }
            b't' => self.word(b"true", Cell::Bool(true))?,
            b'f' => self.word(b"false", Cell::Bool(false))?,
            b'n' => self.word(b"null", Cell::Null)?,
            _ => return Err(Fault::Bad("a value")),
        };
        if slot != NONE {
            self.cells.set(slot, cell);
        }
        Ok(())
    }

    fn object(&mut self, node: u32, depth: u32) -> Result<(), Fault> {
        self.enter(depth)?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        let plan = self.plan;
        let place = plan.node(node);
        let mut trail = plan.trail(node);
        loop {
            let child = match self.expected(&mut trail) {
                Some(child) => child,
                None => self.name(place, &mut trail)?,
            };
            self.space();
            self.value(child, depth)?;
            if self.leave(b'}', "a comma or }")? {
                return Ok(());
            }
        }
    }

    /// Past the name that most likely stands here and its colon, if they do, as nearly every producer
    /// writes them; nothing is copied or unescaped.
    fn expected(&mut self, trail: &mut Trail) -> Option<u32> {
        let (name, child) = self.plan.expected(self.hints, *trail)?;
        let end = self.at + name.len() + 3;
        match self.bytes.get(self.at..end)? {
            [b'"', found @ .., b'"', b':'] if same(found, name) => {}
            _ => return None,
        }
        self.at = end;
        self.plan.follow(self.hints, trail);
        Some(child)
    }

    /// Past any name and its colon; its node.
    fn name(&mut self, place: Option<&Node>, trail: &mut Trail) -> Result<u32, Fault> {
        if self.peek()? != b'"' {
            return Err(Fault::Bad("a name in quotes"));
        }
        let start = self.at + 1;
        let inside = self.string(start)?;
        let child = match place {
            None => NONE,
            Some(place) => {
                let raw = self.bytes.get(start..inside.end).unwrap_or_default();
                self.child(place, raw, inside.escaped, trail)
            }
        };
        self.space();
        if self.peek()? != b':' {
            return Err(Fault::Bad("a colon"));
        }
        self.at += 1;
        Ok(child)
    }

    fn child(&mut self, place: &Node, raw: &[u8], escaped: bool, trail: &mut Trail) -> u32 {
        if !escaped {
            return self.plan.child(place, raw, self.hints, trail);
        }
        self.scratch.clear();
        let raw = std::str::from_utf8(raw).unwrap_or_default();
        match scan::unescape(raw, self.scratch) {
            Some(()) => self.plan.child(place, self.scratch.as_bytes(), self.hints, trail),
            None => NONE,
        }
    }

    fn list(&mut self, node: u32, depth: u32) -> Result<(), Fault> {
        self.enter(depth)?;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        let plan = self.plan;
        let place = plan.node(node).filter(|place| place.listed);
        let mut index = 0u32;
        loop {
            let child = place.map_or(NONE, |place| plan.element(place, index));
            self.value(child, depth)?;
            if self.leave(b']', "a comma or ]")? {
                return Ok(());
            }
            index = index.saturating_add(1);
        }
    }

    /// Past an opening bracket.
    fn enter(&mut self, depth: u32) -> Result<(), Fault> {
        if depth > MOST_DEEP {
            return Err(Fault::Deep);
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// After a member: true past the closing bracket, false past a comma.
    fn leave(&mut self, close: u8, expected: &'static str) -> Result<bool, Fault> {
        self.space();
        let byte = self.peek()?;
        if byte != b',' && byte != close {
            return Err(Fault::Bad(expected));
        }
        self.at += 1;
        if byte == close {
            return Ok(true);
        }
        self.space();
        Ok(false)
    }

    fn string(&mut self, start: usize) -> Result<scan::Inside, Fault> {
        let inside = scan::string(self.bytes, start).map_err(|fault| self.stop(fault))?;
        self.at = inside.end + 1;
        Ok(inside)
    }

    fn text(&mut self, slot: u32) -> Result<Cell, Fault> {
        let start = self.at + 1;
        let inside = self.string(start)?;
        if slot == NONE || !inside.escaped {
            return Ok(Cell::Text(Text::of_payload(start, inside.end)));
        }
        let raw = self.bytes.get(start..inside.end).unwrap_or_default();
        let raw = std::str::from_utf8(raw).unwrap_or_default();
        match self.cells.keep_with(|out| scan::unescape(raw, out)) {
            Some(text) => Ok(Cell::Text(text)),
            None => {
                self.at = start;
                Err(Fault::Bad("a text without half a surrogate pair"))
            }
        }
    }

    fn number(&mut self, slot: u32) -> Result<Cell, Fault> {
        let start = self.at;
        let number = if slot == NONE {
            scan::number::<false>(self.bytes, start)
        } else {
            scan::number::<true>(self.bytes, start)
        };
        let number = number.map_err(|fault| self.stop(fault))?;
        self.at = number.end;
        let text = Text::of_payload(start, number.end);
        Ok(Cell::Number { value: number.value, whole: number.whole, text })
    }

    fn word(&mut self, word: &'static [u8], cell: Cell) -> Result<Cell, Fault> {
        for expected in word {
            if self.peek()? != *expected {
                return Err(Fault::Bad("true, false or null"));
            }
            self.at += 1;
        }
        Ok(cell)
    }

    fn stop(&mut self, (fault, at): (Fault, usize)) -> Fault {
        self.at = at;
        fault
    }
}

/// Whether names of the same length are equal: too short for a call of the C library to pay.
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
