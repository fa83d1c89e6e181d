"""The paper's system: its protocol as data, its slices, its network and the baselines beside it."""
