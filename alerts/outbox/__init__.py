"""Keep notifications until they are delivered: order, retries, delivery reports."""
