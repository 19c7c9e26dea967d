"""What is computed here against what SciPy and statsmodels compute."""
