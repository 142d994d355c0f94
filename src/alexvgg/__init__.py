"""The AlexNet + VGG results table on CIFAR-100 as a build artefact.

Data flows one way: archive → arrays → weights and history → metrics → report.
"""

__version__ = "1.0.0"
