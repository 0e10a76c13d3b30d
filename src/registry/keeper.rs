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
/// How long a refusal stands before the registry is asked again.
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
                    self.note_wishes();
                    self.ask(&mut asked);
                }
            }
        }
    }

    fn note_wishes(&mut self) {
        let now = Instant::now();
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

    fn ask(&mut self, asked: &mut JoinSet<Asked>) {
        let now = Instant::now();
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
            Err(trouble) => self.bear(id, trouble),
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

    fn bear(&mut self, id: SchemaId, trouble: Trouble) {
        let now = Instant::now();
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
            wish.next = Some(now + REFUSED_FOR);
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
