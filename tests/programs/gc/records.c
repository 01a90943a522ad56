__attribute__((section("records"))) int one_record = 42;
