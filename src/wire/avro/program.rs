//! A projection plan: what to take and what to pass of a datum, one step after the other.
//!
//! Records are laid flat, and neighbours that nobody wants become one step. Nothing is allocated
//! while a plan runs, and every step consumes bytes or ends: the work is bounded by the payload.

use super::input::{Fault, Input};
use super::leaf::Leaf;
use crate::wire::cell::{Cell, Cells};

/// Values that may be open around another at the same time: more is a recursive schema in bad
/// hands.
const MOST_OPEN: u32 = 256;

/// A block that says it holds more than it can.
const CROWDED: Fault = Fault::Bad("a block holds more items than bytes");

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Op {
    /// Past so many bytes.
    Bytes(u32),
    /// Past so many variable-length numbers.
    Varints(u32),
    /// Past so many byte strings with their lengths.
    Blobs(u32),
    /// A plain value into a slot.
    Take(Leaf, u32),
    /// A slot holds a list or an object.
    Nested(u32),
    /// A slot holds what the reader's schema says of a field that the writer does not have.
    Default(u32, u32),
    /// Through another chunk.
    Call(u32),
    /// Through another chunk, and back to where it began: one value, wanted under two names.
    Fork(u32),
    /// By the branch of a union.
    Choose(u32),
    /// Through a list.
    Items(u32),
    /// Through a map.
    Entries(u32),
}

/// What to do with a list.
#[derive(Debug)]
pub(super) struct Items {
    /// Passes an item.
    pub pass: u32,
    /// Wanted items by their position, ascending, each with the chunk that takes it.
    pub wanted: Vec<(u32, u32)>,
}

/// What to do with a map.
#[derive(Debug)]
pub(super) struct Entries {
    /// Passes a value.
    pub pass: u32,
    /// Wanted values by their key.
    pub wanted: Vec<Entry>,
}

/// A wanted value of a map.
#[derive(Debug)]
pub(super) struct Entry {
    pub key: Box<str>,
    /// The chunk that takes it.
    pub take: u32,
    /// The slots that it may fill; of a repeated key the last value counts.
    pub below: std::ops::Range<u32>,
}

/// The default of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Constant {
    Cell(Cell),
    Text(Box<str>),
    /// A whole number beyond 64 bits, and its digits.
    Whole(f64, Box<str>),
}

/// The plan.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub chunks: Vec<Vec<Op>>,
    pub unions: Vec<Vec<u32>>,
    pub lists: Vec<Items>,
    pub maps: Vec<Entries>,
    pub symbols: Vec<Vec<Box<str>>>,
    pub constants: Vec<Constant>,
}

impl Program {
    /// Runs a chunk; `open` values are open around it.
    pub fn run(
        &self,
        chunk: u32,
        input: &mut Input<'_>,
        cells: &mut Cells,
        open: u32,
    ) -> Result<(), Fault> {
        if open > MOST_OPEN {
            return Err(Fault::Deep);
        }
        let Some(ops) = self.chunks.get(chunk as usize) else { return Ok(()) };
        for op in ops {
            match op {
                Op::Bytes(n) => drop(input.take(*n as usize)?),
                Op::Varints(n) => {
                    for _ in 0..*n {
                        input.pass_varint()?;
                    }
                }
                Op::Blobs(n) => {
                    for _ in 0..*n {
                        let length = input.length()?;
                        input.take(length)?;
                    }
                }
                Op::Take(leaf, slot) => {
                    let cell = leaf.read(input, cells, &self.symbols)?;
                    cells.set(*slot, cell);
                }
                Op::Nested(slot) => cells.set(*slot, Cell::Nested),
                Op::Default(slot, constant) => self.fill(*slot, *constant, cells),
                Op::Call(chunk) => self.run(*chunk, input, cells, open + 1)?,
                Op::Fork(chunk) => {
                    let at = input.at;
                    self.run(*chunk, input, cells, open + 1)?;
                    input.at = at;
                }
                Op::Choose(union) => {
                    let branches = &self.unions[*union as usize];
                    let branch = branches[input.choice(branches.len())?];
                    self.run(branch, input, cells, open + 1)?;
                }
                Op::Items(list) => {
                    self.items(&self.lists[*list as usize], input, cells, open + 1)?;
                }
                Op::Entries(map) => {
                    self.entries(&self.maps[*map as usize], input, cells, open + 1)?;
                }
            }
        }
        Ok(())
    }

    fn fill(&self, slot: u32, constant: u32, cells: &mut Cells) {
        let cell = match &self.constants[constant as usize] {
            Constant::Cell(cell) => *cell,
            Constant::Text(text) => Cell::Text(cells.keep(text)),
            Constant::Whole(value, digits) => {
                Cell::Number { value: *value, whole: true, text: cells.keep(digits) }
            }
        };
        cells.set(slot, cell);
    }

    fn items(
        &self,
        list: &Items,
        input: &mut Input<'_>,
        cells: &mut Cells,
        open: u32,
    ) -> Result<(), Fault> {
        let mut wanted = list.wanted.iter().peekable();
        let mut index = 0u64;
        while let Some((count, bytes)) = input.block()? {
            let end = index.saturating_add(count);
            let bytes = self.fitting(list.pass, count, bytes, input)?;
            let next = wanted.peek().map(|(at, _)| u64::from(*at)).filter(|at| *at < end);
            match (next, bytes) {
                (None, Some(bytes)) => drop(input.take(bytes)?),
                // Items without bytes are not counted through: there may be any number.
                (None, None) if self.is_empty(list.pass) => {}
                (None, None) => {
                    for _ in 0..count {
                        self.run(list.pass, input, cells, open)?;
                    }
                }
                (Some(_), _) => {
                    let block_end = bytes.map(|bytes| input.at + bytes);
                    for at in index..end {
                        match wanted.peek() {
                            Some((place, take)) if u64::from(*place) == at => {
                                wanted.next();
                                self.run(*take, input, cells, open)?;
                            }
                            more if self.is_empty(list.pass)
                                && more.is_none_or(|(place, _)| u64::from(*place) >= end) =>
                            {
                                break;
                            }
                            _ => self.run(list.pass, input, cells, open)?,
                        }
                    }
                    if block_end.is_some_and(|end| end != input.at) {
                        return Err(Fault::Bad("a block is not as long as it says"));
                    }
                }
            }
            index = end;
        }
        Ok(())
    }

    fn entries(
        &self,
        map: &Entries,
        input: &mut Input<'_>,
        cells: &mut Cells,
        open: u32,
    ) -> Result<(), Fault> {
        // Producers keep an order: the key after the one just found is the first guess.
        let mut guess = 0;
        while let Some((count, bytes)) = input.block()? {
            // A key takes at least the byte of its length.
            match bytes {
                Some(bytes) if count > bytes as u64 => return Err(CROWDED),
                None if count > input.left() as u64 => return Err(Fault::Ended),
                _ => {}
            }
            if let (Some(bytes), true) = (bytes, map.wanted.is_empty()) {
                input.take(bytes)?;
                continue;
            }
            let block_end = bytes.map(|bytes| input.at + bytes);
            for _ in 0..count {
                let length = input.length()?;
                let key = input.take(length)?;
                let is = |place: usize| {
                    map.wanted.get(place).is_some_and(|entry| entry.key.as_bytes() == key)
                };
                let found = if is(guess) {
                    Some(guess)
                } else {
                    (0..map.wanted.len()).find(|&place| is(place))
                };
                match found.map(|place| (place, &map.wanted[place])) {
                    Some((place, entry)) => {
                        guess = place + 1;
                        cells.forget(entry.below.clone());
                        self.run(entry.take, input, cells, open)?;
                    }
                    None => self.run(map.pass, input, cells, open)?,
                }
            }
            if block_end.is_some_and(|end| end != input.at) {
                return Err(Fault::Bad("a block is not as long as it says"));
            }
        }
        Ok(())
    }

    /// The bytes of a block, unless it has fewer than its items need at least.
    fn fitting(
        &self,
        pass: u32,
        count: u64,
        bytes: Option<usize>,
        input: &Input<'_>,
    ) -> Result<Option<usize>, Fault> {
        match bytes {
            _ if self.is_empty(pass) => Ok(bytes),
            Some(bytes) if count > bytes as u64 => Err(CROWDED),
            None if count > input.left() as u64 => Err(Fault::Ended),
            _ => Ok(bytes),
        }
    }

    fn is_empty(&self, chunk: u32) -> bool {
        self.chunks.get(chunk as usize).is_none_or(Vec::is_empty)
    }
}
