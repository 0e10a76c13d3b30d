//! One registry: what is wanted of it, what is on its way, and how long patience lasts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::{Client, Trouble};
use super::{RegistrySpec, Watch, kept};
use crate::store::Store;
use crate::wire::{Reason, SchemaId, Written};

/// How often readers' wishes are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Questions at the same time.
const MOST_AT_ONCE: usize = 4;
/// Pauses between two questions about an id: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long the refusal of an id itself stands before the registry is asked again.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// How long an id that was given up is remembered after a record last named it.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// Ids without a schema that are asked for; those beyond them are refused for a while.
const MOST_IDS: usize = 1_000;

/// An id without a schema.
#[derive(Debug)]
struct Wish {
    since: Instant,
    /// When it is asked for next; `None` while it is.
    next: Option<Instant>,
    pause: Duration,
    /// Its patience is over: records are refused, and it is asked for now and then until nobody
    /// wants it any more.
    refused: bool,
    wanted: Instant,
}

/// Keeps the book of one registry.
pub(super) struct Keeper {
    spec: RegistrySpec,
    client: Client,
    store: Option<Arc<dyn Store>>,
    watch: Arc<dyn Watch>,
    wishes: BTreeMap<SchemaId, Wish>,
    /// Ids beyond [`MOST_IDS`], and when they were refused.
    beyond: VecDeque<(Instant, SchemaId)>,
    /// Until then an id that the registry does not know is refused at once: producers register a
    /// schema before they use it, and patience was shown to the last one.
    impatient_until: Option<Instant>,
    troubled: bool,
}

type Asked = (SchemaId, Result<Written, Trouble>);

impl Keeper {
    pub fn new(
        spec: RegistrySpec,
        client: Client,
        store: Option<Arc<dyn Store>>,
        watch: Arc<dyn Watch>,
    ) -> Keeper {
        Keeper {
            spec,
            client,
            store,
            watch,
            wishes: BTreeMap::new(),
            beyond: VecDeque::new(),
            impatient_until: None,
            troubled: false,
        }
    }

    pub async fn run(mut self) {
        let mut asked: JoinSet<Asked> = JoinSet::new();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(answer) = asked.join_next() => {
                    if let Ok((id, answer)) = answer {
                        self.settle(id, answer).await;
                    }
                }
                _ = look.tick() => {
                    let now = Instant::now();
                    self.note_wishes(now);
                    self.ask(&mut asked, now);
                }
            }
        }
    }

    fn note_wishes(&mut self, now: Instant) {
        for id in self.spec.book.take_wanted() {
            if let Some(wish) = self.wishes.get_mut(&id) {
                wish.wanted = now;
            } else if self.wishes.len() < MOST_IDS {
                let wish = Wish {
                    since: now,
                    next: Some(now),
                    pause: FIRST_PAUSE,
                    refused: false,
                    wanted: now,
                };
                self.wishes.insert(id, wish);
            } else {
                let detail = format!(
                    "schema {id} is not asked for: more than {MOST_IDS} other ids have no schema"
                );
                let trouble = Trouble { reason: Reason::UnknownSchema, detail };
                self.spec.book.put(id, Err(trouble.refusal()));
                self.beyond.push_back((now, id));
            }
        }
        while let Some((_, id)) = self.beyond.pop_front_if(|(at, _)| now - *at > REFUSED_FOR) {
            if !self.wishes.contains_key(&id) {
                self.spec.book.forget(id);
            }
        }
        let forgotten =
            |wish: &Wish| wish.refused && wish.next.is_some() && now - wish.wanted > FORGOTTEN;
        let book = &self.spec.book;
        self.wishes.retain(|id, wish| {
            let keep = !forgotten(wish);
            if !keep {
                book.forget(*id);
            }
            keep
        });
        if self.troubled && self.wishes.is_empty() {
            self.say(None);
        }
    }

    fn ask(&mut self, asked: &mut JoinSet<Asked>, now: Instant) {
        for (id, wish) in &mut self.wishes {
            if asked.len() >= MOST_AT_ONCE {
                break;
            }
            if wish.next.is_none_or(|next| next > now) {
                continue;
            }
            wish.next = None;
            let (client, id) = (self.client.clone(), *id);
            asked.spawn(async move { (id, client.schema(id).await) });
        }
    }

    async fn settle(&mut self, id: SchemaId, answer: Result<Written, Trouble>) {
        let result = answer.as_ref().map_or_else(|trouble| trouble.reason.as_str(), |_| "ok");
        self.watch.asked(&self.spec.name, result);
        let answer = match answer {
            Ok(written) => self.remember(id, written).await,
            Err(trouble) => Err(trouble),
        };
        match answer {
            Ok(written) => {
                self.wishes.remove(&id);
                self.spec.book.put(id, Ok(Arc::new(written)));
                self.say(None);
            }
            Err(trouble) => self.bear(id, trouble, Instant::now()),
        }
    }

    /// Makes a schema durable before anybody reads by it.
    async fn remember(&self, id: SchemaId, written: Written) -> Result<Written, Trouble> {
        let Some(store) = self.store.clone() else { return Ok(written) };
        let url = self.spec.url.clone();
        let stored = tokio::task::spawn_blocking(move || {
            kept::write(store.as_ref(), &url, id, &written).map(|()| written)
        });
        let failed = |why: String| Trouble {
            reason: Reason::RegistryUnreachable,
            detail: format!("schema {id} cannot be kept in the state: {why}"),
        };
        match stored.await {
            Ok(Ok(written)) => Ok(written),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn bear(&mut self, id: SchemaId, trouble: Trouble, now: Instant) {
        let unknown = trouble.reason == Reason::UnknownSchema;
        let impatient = unknown && self.impatient_until.is_some_and(|until| now < until);
        let hopeless = trouble.reason == Reason::BadSchema;
        let Some(wish) = self.wishes.get_mut(&id) else { return };
        if wish.refused || impatient || hopeless || now - wish.since >= self.spec.patience {
            if unknown && !wish.refused && !impatient {
                self.impatient_until = Some(now + REFUSED_FOR);
            }
            if !wish.refused {
                tracing::warn!(
                    registry = self.spec.name,
                    "schema {id} is given up for now, its records are dead letters: {}",
                    trouble.detail
                );
            }
            wish.refused = true;
            // A registry that was away may be back at any time.
            wish.next = Some(now + if unknown || hopeless { REFUSED_FOR } else { LONGEST_PAUSE });
            self.spec.book.put(id, Err(trouble.refusal()));
        } else {
            // The last question falls on the end of patience.
            let left = self.spec.patience.saturating_sub(now - wish.since);
            wish.next = Some(now + wish.pause.min(left));
            wish.pause = (2 * wish.pause).min(LONGEST_PAUSE);
        }
        self.say(Some(&trouble));
    }

    /// Tells of trouble while records wait or are refused because of it, and when it is over.
    fn say(&mut self, trouble: Option<&Trouble>) {
        let waiting = self.wishes.values().filter(|wish| !wish.refused).count();
        let name = &self.spec.name;
        let sentence = match trouble {
            Some(trouble) if waiting > 0 => Some(format!(
                "registry {name}: records that name {waiting} schemas hold their partitions: {}",
                trouble.detail
            )),
            // An id that it does not know is the fault of a producer.
            Some(trouble) if trouble.reason != Reason::UnknownSchema => Some(format!(
                "registry {name}: records that name new schemas are dead letters: {}",
                trouble.detail
            )),
            _ => None,
        };
        if sentence.is_some() || (self.troubled && waiting == 0) {
            self.troubled = sentence.is_some();
            self.watch.trouble(name, sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Unwatched;

    const SEVEN: SchemaId = SchemaId::Number(7);

    fn keeper() -> Keeper {
        let spec = RegistrySpec {
            name: "main".to_owned(),
            url: "http://127.0.0.1:1".to_owned(),
            headers: Vec::new(),
            ca: None,
            certificate: None,
            timeout: Duration::from_secs(1),
            patience: Duration::from_secs(300),
            callable: Default::default(),
            book: Arc::default(),
        };
        let client = Client::new(&spec).unwrap();
        Keeper::new(spec, client, None, Arc::new(Unwatched))
    }

    fn trouble(reason: Reason) -> Trouble {
        Trouble { reason, detail: "no".to_owned() }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A record names the id at `now`, and its question was just answered so.
    fn refuse(keeper: &mut Keeper, id: SchemaId, reason: Reason, now: Instant) {
        let _ = keeper.spec.book.look(id);
        keeper.note_wishes(now);
        keeper.bear(id, trouble(reason), now);
    }

    #[test]
    fn refusals_are_forgotten_when_nobody_named_the_id_for_long() {
        let (mut keeper, start) = (keeper(), Instant::now());
        refuse(&mut keeper, SEVEN, Reason::UnknownSchema, start);
        assert!(!keeper.spec.book.knows(SEVEN), "patience has just begun");
        keeper.bear(SEVEN, trouble(Reason::UnknownSchema), start + secs(300));
        assert!(keeper.spec.book.look(SEVEN).is_some_and(|known| known.is_err()));
        keeper.note_wishes(start + secs(400));
        keeper.note_wishes(start + secs(999));
        assert!(keeper.spec.book.knows(SEVEN), "named 599 s ago");
        keeper.note_wishes(start + secs(1001));
        assert!(!keeper.spec.book.knows(SEVEN) && keeper.wishes.is_empty());
        // The next record of that id is the first one, and waits.
        assert_eq!(keeper.spec.book.look(SEVEN), None);
        keeper.note_wishes(start + secs(1002));
        assert_eq!(keeper.wishes[&SEVEN].since, start + secs(1002));
    }

    #[test]
    fn an_id_that_is_being_asked_for_is_not_forgotten() {
        let (mut keeper, start) = (keeper(), Instant::now());
        refuse(&mut keeper, SEVEN, Reason::BadSchema, start);
        keeper.wishes.get_mut(&SEVEN).unwrap().next = None;
        keeper.note_wishes(start + secs(10_000));
        assert!(keeper.spec.book.knows(SEVEN));
    }

    #[test]
    fn a_registry_that_was_away_is_asked_sooner_than_one_that_does_not_know() {
        let (mut keeper, start) = (keeper(), Instant::now());
        let end = start + keeper.spec.patience;
        for (id, reason, pause) in [
            (1, Reason::RegistryUnreachable, LONGEST_PAUSE),
            (2, Reason::UnknownSchema, REFUSED_FOR),
            (3, Reason::BadSchema, REFUSED_FOR),
        ] {
            let id = SchemaId::Number(id);
            refuse(&mut keeper, id, reason, start);
            keeper.bear(id, trouble(reason), end);
            assert_eq!(keeper.wishes[&id].next, Some(end + pause), "{reason}");
        }
    }

    #[test]
    fn ids_beyond_the_most_are_refused_and_forgotten_soon() {
        let (mut keeper, start) = (keeper(), Instant::now());
        for id in 0..=MOST_IDS as u32 {
            let _ = keeper.spec.book.look(SchemaId::Number(id));
        }
        keeper.note_wishes(start);
        let last = SchemaId::Number(MOST_IDS as u32);
        assert_eq!(keeper.wishes.len(), MOST_IDS);
        assert!(keeper.spec.book.knows(last));
        keeper.note_wishes(start + REFUSED_FOR);
        assert!(keeper.spec.book.knows(last));
        keeper.note_wishes(start + REFUSED_FOR + secs(1));
        assert!(!keeper.spec.book.knows(last));
    }
}
