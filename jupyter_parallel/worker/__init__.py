"""What runs in a worker: standard library and cloudpickle only, so that the room can be shipped by value."""
