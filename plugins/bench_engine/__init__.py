"""Training on mmengine's Runner, shared by everything shipped that learns by gradient descent."""
