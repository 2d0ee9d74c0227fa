"""The second stage of MTCNN as its users of Keras write it: a subclassed model with two heads."""
