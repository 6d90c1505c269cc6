//! A filter that is asked anew for every span and event.
//!
//! Filters of single layers leave their verdict in a thread's state for the layer to find. Whoever only asks
//! whether something *would* be logged (`log::log_enabled!`, as sqlx does with every statement at the level
//! debug) leaves one behind that nothing consumes, and the next span or event whose callsite needs no asking
//! any more is dropped by it: under `telemetry.log_filter=debug` most spans never reached the collector, and
//! warnings could miss the log. Asked anew, a filter writes over what was left.

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber, span};
use tracing_subscriber::layer::{Context, Filter};

/// The filter inside, never remembered as "always".
pub(super) struct Anew<F>(pub(super) F);

impl<S: Subscriber, F: Filter<S>> Filter<S> for Anew<F> {
    fn enabled(&self, metadata: &Metadata<'_>, cx: &Context<'_, S>) -> bool {
        self.0.enabled(metadata, cx)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.0.callsite_enabled(metadata);
        if interest.is_always() {
            return Interest::sometimes();
        }
        interest
    }

    fn event_enabled(&self, event: &Event<'_>, cx: &Context<'_, S>) -> bool {
        self.0.event_enabled(event, cx)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.max_level_hint()
    }

    fn on_new_span(&self, attrs: &span::Attributes<'_>, id: &span::Id, cx: Context<'_, S>) {
        self.0.on_new_span(attrs, id, cx);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, cx: Context<'_, S>) {
        self.0.on_record(id, values, cx);
    }

    fn on_enter(&self, id: &span::Id, cx: Context<'_, S>) {
        self.0.on_enter(id, cx);
    }

    fn on_exit(&self, id: &span::Id, cx: Context<'_, S>) {
        self.0.on_exit(id, cx);
    }

    fn on_close(&self, id: span::Id, cx: Context<'_, S>) {
        self.0.on_close(id, cx);
    }
}
