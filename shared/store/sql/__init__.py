"""The store in SQL, a class for each theme: `port` says what a method does, the method says how it is done."""
