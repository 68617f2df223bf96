"""Views: pure presentation. They read a run through :class:`~.source.RunSource` and draw snapshots."""
