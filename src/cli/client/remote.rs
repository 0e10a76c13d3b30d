//! A daemon elsewhere: asks its API and turns every refusal into a sentence.

use std::error::Error as _;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode, redirect};
use serde_json::Value;
use url::Url;

/// Why there is no answer. Sentences for people at a terminal.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("'{0}' is not the address of a daemon; write e.g. http://127.0.0.1:7438")]
    Address(String),
    /// Nobody answers.
    #[error(
        "no driftd answers at {url} ({why}); is it running? Name another one with --url or \
         DRIFTD_URL"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// What the system said.
        why: String,
    },
    /// The token is missing or wrong.
    #[error(
        "{url} does not accept the token: set DRIFTD_TOKEN to the value of http.token in its \
         configuration"
    )]
    Unauthorized {
        /// Where.
        url: String,
    },
    /// Write routes are off.
    #[error(
        "{url} has its write routes off: set http.token in its configuration, e.g. \
         token = \"env:DRIFTD_TOKEN\", and restart it"
    )]
    Off {
        /// Where.
        url: String,
    },
    /// It says why not.
    #[error("{0}")]
    Refused(String),
    /// Something else answers there.
    #[error("what answers at {url} is no driftd: status {status}; check --url or DRIFTD_URL")]
    Stranger {
        /// Where.
        url: String,
        /// What came back.
        status: u16,
    },
    /// Not a segment.
    #[error("'{0}' is not a segment; write e.g. --segment city=Oslo")]
    Segment(String),
}

/// A daemon elsewhere.
#[derive(Debug)]
pub struct Remote {
    client: Client,
    base: Url,
    token: Option<String>,
}

impl Remote {
    /// The daemon at this address.
    ///
    /// # Errors
    /// [`ClientError::Address`].
    pub fn new(url: &str, token: Option<&str>) -> Result<Remote, ClientError> {
        let bad = || ClientError::Address(url.to_owned());
        let base = Url::parse(url).map_err(|_| bad())?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(bad());
        }
        let client = Client::builder()
            .timeout(Duration::from_secs(60))
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|_| bad())?;
        let token = token.filter(|token| !token.is_empty()).map(str::to_owned);
        Ok(Remote { client, base, token })
    }

    /// One thing, by the parts of its path.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, path: &[&str]) -> Result<Value, ClientError> {
        self.answer(self.client.request(Method::GET, self.url(path))).await
    }

    /// A whole list, page by page.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list(
        &self,
        path: &str,
        query: &[(&str, Option<&str>)],
    ) -> Result<Vec<Value>, ClientError> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut url = self.url(&parts);
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let mut items = Vec::new();
        loop {
            let page = self.answer(self.client.request(Method::GET, url.clone())).await?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            // Only the query of the next path is taken: it cannot lead to another host.
            let Some((_, next)) = page["next"].as_str().and_then(|next| next.split_once('?'))
            else {
                return Ok(items);
            };
            url.set_query(Some(next));
        }
    }

    /// Changes something.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, ClientError> {
        self.answer(self.client.request(Method::POST, self.url(path)).json(body)).await
    }

    /// Ends something.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete(&self, path: &[&str]) -> Result<Value, ClientError> {
        self.answer(self.client.request(Method::DELETE, self.url(path))).await
    }

    /// Each part becomes one segment of the path, whatever stands in it.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value, ClientError> {
        let url = self.base.origin().ascii_serialization();
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.map_err(|error| unreachable(&url, error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| unreachable(&url, error))?;
        let body: Option<Value> = serde_json::from_str(&text).ok();
        let code = body.as_ref().and_then(|b| b.pointer("/error/code")?.as_str());
        match (status, body.as_ref(), code) {
            (StatusCode::UNAUTHORIZED, _, Some(_)) => Err(ClientError::Unauthorized { url }),
            (StatusCode::FORBIDDEN, _, Some("writes_off")) => Err(ClientError::Off { url }),
            (_, Some(body), Some(_)) => {
                Err(ClientError::Refused(super::explain::plain(&body["error"]["message"])))
            }
            (status, Some(body), None) if status.is_success() => Ok(body.clone()),
            _ => Err(ClientError::Stranger { url, status: status.as_u16() }),
        }
    }
}

fn unreachable(url: &str, error: reqwest::Error) -> ClientError {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        why = cause.to_string();
        source = cause.source();
    }
    ClientError::Unreachable { url: url.to_owned(), why }
}
