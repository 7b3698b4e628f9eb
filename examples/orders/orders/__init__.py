"""Orders: payments that fail, are tried again and given up, reminders hours later, and a feed that tells of it all."""
