"""BERT encoders in C++ for AMX and AVX512-BF16: compiled when the package is installed, called through ctypes."""
