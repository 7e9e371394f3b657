"""The only folder that knows Ray: sessions, resources, actors, and what runs in them."""
