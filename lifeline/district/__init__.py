"""Change the register of a district: import, registration, republishing."""
