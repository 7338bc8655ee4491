"""Looking rows of a table up, and adding gradients to them. README.md tells the story."""
