"""The verbs that steer what trades: pause, resume, close and kill."""
