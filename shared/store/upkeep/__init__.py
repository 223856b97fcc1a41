"""What a whole database needs from time to time: copies, being filled from one, sizes, and fewer rows"""
