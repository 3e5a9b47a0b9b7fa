//! The shipped programs driven end to end, as their people use them. Logic is tested lower down; here a survey goes in and a picture comes out.
