"""What operators ask of the account: claimed, carried out, and closed at the broker where that is allowed."""
