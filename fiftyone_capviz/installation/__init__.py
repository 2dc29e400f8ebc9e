"""The database that FiftyOne starts, and the plugin's link in its plugins folder."""
