"""What is run by hand: the benchmark, the pictures, the search for harmful texts."""
