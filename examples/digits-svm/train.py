"""Recognise hand-written digits with a support vector classifier.

The experiment of scikit-learn's documentation ("Recognizing hand-written digits"): the 1797 images
of the UCI digits set that ship with scikit-learn, first half to train, second half to test.
"""

import json
from pathlib import Path

from sklearn import datasets, metrics, svm
from sklearn.model_selection import train_test_split

digits = datasets.load_digits()
data = digits.images.reshape((len(digits.images), -1))
x_train, x_test, y_train, y_test = train_test_split(data, digits.target, test_size=0.5, shuffle=False)

classifier = svm.SVC(gamma=0.001)
classifier.fit(x_train, y_train)
predicted = classifier.predict(x_test)

print(metrics.classification_report(y_test, predicted))
report = metrics.classification_report(y_test, predicted, output_dict=True)
Path("results.json").write_text(json.dumps(report, indent=1))
