__attribute__((visibility("protected"))) int protected_data = 42;
