"""All that keeps a database in order: copies of it and the way back, fewer rows, how much room they take"""
