//! Notifiers and trainers out of the settings.

use crate::config::{DoorSettings, Settings};
use crate::notify::http::Http;
use crate::notify::{Context, NOTIFIERS};
use crate::outbox::Receivers;
use crate::retrain::TRAINERS;
use crate::stats::Params;

/// Builds everybody that messages may go to.
///
/// # Errors
/// A sentence that names the table and the key.
pub fn receivers(settings: &Settings) -> Result<Receivers, String> {
    let http = Http::new(settings.callable.clone()).map_err(|error| error.to_string())?;
    let context = Context { http, secrets: settings.secrets.clone() };
    let mut all = Receivers::default();
    for (name, door) in &settings.notifiers {
        let kind = NOTIFIERS
            .iter()
            .find(|kind| kind.name == door.kind)
            .ok_or_else(|| format!("notifiers.{name}: there is no kind '{}'", door.kind))?;
        let built = (kind.build)(&mut params(door), &context)
            .map_err(|error| format!("notifiers.{name}.{}: {error}", error.key))?;
        all.notifiers.insert(name.clone(), built);
    }
    for (name, door) in &settings.trainers {
        let kind = TRAINERS
            .iter()
            .find(|kind| kind.name == door.kind)
            .ok_or_else(|| format!("trainers.{name}: there is no kind '{}'", door.kind))?;
        let built = (kind.build)(&mut params(door), &context)
            .map_err(|error| format!("trainers.{name}.{}: {error}", error.key))?;
        all.trainers.insert(name.clone(), built);
    }
    Ok(all)
}

fn params(door: &DoorSettings) -> Params {
    Params::new(door.options.clone())
}
