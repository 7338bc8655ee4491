"""Two backends side by side, down to the first op that is wrong and the thread that made it so."""
