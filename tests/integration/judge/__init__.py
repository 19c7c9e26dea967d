"""The judge run as programs are: archives, child processes, samples of them."""
