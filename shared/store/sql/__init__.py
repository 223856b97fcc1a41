"""The store in SQL, a class for each theme. What a method does is told once, in `port`, where its name stands too."""
