"""The tunnel through IAP: the product's end against the lab's relay, and against one that misbehaves."""
