//! Tables of a schema registry.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::forms::Length;
use crate::event::Span;

/// A schema registry with the API of Confluent's.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawRegistry {
    /// Address; its path is the beginning of all paths.
    #[schemars(example = &"http://127.0.0.1:8081")]
    pub url: String,
    /// User of basic authentication, as text or as `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"driftd")]
    pub username: Option<String>,
    /// Password of basic authentication, as `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"env:REGISTRY_PASSWORD")]
    pub password: Option<String>,
    /// Bearer token, as `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"env:REGISTRY_TOKEN")]
    pub token: Option<String>,
    /// File with further certificate authorities to trust, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"registry-ca.pem")]
    pub ca: Option<String>,
    /// Our certificate and its key in PEM, as `file:PATH` or `env:NAME`, where the registry asks
    /// for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"file:client.pem")]
    pub certificate: Option<String>,
    /// Further headers of every request; a value may be `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Longest time that one request may take.
    pub timeout: Length,
    /// How long records whose schema cannot be fetched hold their partition back; then they are
    /// dead letters.
    pub patience: Length,
}

impl Default for RawRegistry {
    fn default() -> RawRegistry {
        RawRegistry {
            url: String::new(),
            username: None,
            password: None,
            token: None,
            ca: None,
            certificate: None,
            headers: BTreeMap::new(),
            timeout: Length(Span::from_secs(5)),
            patience: Length(Span::from_secs(300)),
        }
    }
}
