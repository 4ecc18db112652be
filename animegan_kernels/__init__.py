"""What is compiled: C for the processors that serve, built once and found again.

build         compiles each library, with the C compiler that there is or with one from PyPI
search        exact search by SSIM
onnxruntime   Triton's backend of that name for CPUs
convolution   operators of ONNX Runtime for networks that enlarge, and what puts them into graphs
"""
