"""The services as processes of their own, over a broker and a database; a module loads what its own service needs."""
